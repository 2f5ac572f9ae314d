"""Long runs that try to break the service; each is started by hand and ends by itself."""
