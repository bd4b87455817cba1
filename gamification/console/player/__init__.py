"""The player's page: what support needs to know of one player, and what may be done about it."""
