"""Art direction: styles, destinations and brands as YAML, and the one loader."""
