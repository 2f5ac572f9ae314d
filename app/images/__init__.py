"""Pictures: from what a record carries (base64, URL, file) to a decoded RGB picture and its perceptual hash."""
