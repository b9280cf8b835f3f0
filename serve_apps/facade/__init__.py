"""A subset of Photoroom's HTTP API, so that a program written for it needs another address and key (docs/photoroom.md).

Fields and answers as in the vendor's OpenAPI file of 2026-06-22. What cannot be done is refused by its name, never passed over.
"""
