"""The console: what runs, what was made and what it cost, in a browser, behind the API's keys."""
