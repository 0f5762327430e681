"""The voices of the made-up world: pulses and noise, shaped by formants."""
