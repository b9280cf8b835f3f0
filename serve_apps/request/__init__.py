"""From what somebody asks for to an order's shots, its price and its view."""
