"""What every answer has in common: the gate before the routes, problems, limits, ranges, events, the OpenAPI document."""
