"""Would a service still find me? Judges that others sell: asked only on request, and about as little as will do."""
