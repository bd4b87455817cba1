"""The client that blocks, made of the one for asyncio. Only `waiting.py` is written by hand."""
