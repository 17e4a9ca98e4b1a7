-- dk-filter: a good signature passes.
-- arguments: -b v
-- domainkey signature:

expect(SMFIR_ACCEPT, pass({ fields = with(FIELDS, "DomainKey-Signature", signature) }))
results("mx.example.net; domainkeys=pass header.from=joe@example.org")
