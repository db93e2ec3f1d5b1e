"""What Portico does per second, per connection and per opening: ``make bench``."""
