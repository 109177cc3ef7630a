"""The wire: what AI Flow sends (events) and obeys (actions). Lenient in, strict out."""
