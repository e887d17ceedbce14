"""A Genesys Cloud to run against: in memory, over real HTTP, with rate limits and faults on demand."""
