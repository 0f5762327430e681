"""Training and use of what draws faces from voices."""
