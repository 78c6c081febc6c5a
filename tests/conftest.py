"""For all tests: hypothesis sets no deadline, because machines are shared and slow at times."""

from hypothesis import settings

settings.register_profile("gridtally", deadline=None)
settings.load_profile("gridtally")
