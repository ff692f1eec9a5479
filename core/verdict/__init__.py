"""Did it work, and what did it cost? Similarities before and after, quality, report and sheet."""
