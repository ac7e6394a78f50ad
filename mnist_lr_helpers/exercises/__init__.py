"""The exercises, one file a notebook: ``e03.EXERCISES`` holds those of notebook 03 by name, in order of number."""
