"""What a page shows, gathered from services and selectors: one file a page, no request and no template."""
