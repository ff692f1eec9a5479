"""The two things a generator must offer: an autoencoder, and a denoiser."""
