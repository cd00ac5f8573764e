"""The shop as web pages: views, templates, designs, server."""
