"""The registry against a plain model, in every order that Hypothesis can think of. The proof `machine` goes further."""

from hypothesis import settings

from tests.faults.machine import RegistryMachine

TestRegistryMachine = RegistryMachine.TestCase
TestRegistryMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
