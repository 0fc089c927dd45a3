"""The machinery: cache, work queue, Lease, HTTP client. It moves and holds things, and decides nothing."""
