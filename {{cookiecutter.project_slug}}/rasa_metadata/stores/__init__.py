"""Where several Rasa servers keep one truth: conversations in PostgreSQL, locks in Redis.

deploy/endpoints.yml names both. Rasa's own for these two lose turns when servers share
them; what is different here, and why, stands in each class.
"""
