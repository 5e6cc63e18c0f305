"""The parts of `firesteel evaluate`: rows sent and answered, what the answers come to, and how that is shown."""
