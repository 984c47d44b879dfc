"""Attacks on the web part, each tried. Where the others are:

- every address as everybody, rows of others by number, forged forms, open redirects, forged hosts,
  tokens in addresses, stored texts that would run as scripts: ``tests/access``
- session fixation, timing of sign-in, guessing: ``tests/licsync/test_sign_in.py``
- forged and hostile SAML answers, XML bombs, claims of somebody else: ``tests/single_sign_on``
- names and sizes of uploads: ``tests/uploads``; formulas in CSV: ``tests/reports``
- addresses that lead inside, redirects off host, decompression bombs: ``tests/sources``
"""
