"""Networks that draw faces step by step: an autoencoder, a denoiser that is told conditions, an upsampler."""
