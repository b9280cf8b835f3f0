"""Durable orders: the workflow from photo to published image, and who carries it out."""
