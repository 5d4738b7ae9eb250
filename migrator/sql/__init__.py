"""SQL text to trees and back: the only room that knows libpg_query."""
