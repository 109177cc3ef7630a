"""Who is called: the agent of this project in this process, or any bot at a URL."""
