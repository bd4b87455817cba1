"""The client for asyncio. `gamification_client/sync` is made of these files; see `make clients`."""
