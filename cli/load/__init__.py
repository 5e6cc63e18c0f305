"""A load test: what is sent, by whom, and what came of it. Locust runs in a process of its own, which gevent changes."""
