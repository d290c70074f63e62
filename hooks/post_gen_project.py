"""Says what to do next."""

print(
    """
Your bot is in {{ cookiecutter.project_slug }}/. Next:

  cd {{ cookiecutter.project_slug }} && git init
  make run     # installs and trains what is missing, then starts the bot
  make test    # proves that metadata is in its slots
"""
)
