"""Attacks on the web part, each tried. Where the others are:

- every address as everybody, rows of others by path, query and body, forged forms, open redirects,
  forged hosts, tokens in addresses, every stored column that would run as a script (in a browser,
  too), the headers of every answer: ``tests/access``
- session fixation, timing of sign-in, guessing: ``tests/licsync/test_sign_in.py``
- forged and hostile SAML answers, XML bombs, claims of somebody else, proofs that are old or somebody
  else's: ``tests/single_sign_on``
- names and sizes of uploads: ``tests/uploads``; formulas in CSV: ``tests/reports``
- addresses that lead inside, redirects off host, decompression bombs: ``tests/sources``
"""
