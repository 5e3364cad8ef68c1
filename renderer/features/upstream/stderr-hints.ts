const hints: readonly [RegExp, string][] = [
  [
    /cannot find module|module_not_found|modulenotfounderror|no module named|err_module_not_found/i,
    'It misses one of its own modules: install its dependencies, or check the path of the script.',
  ],
  [
    /\b(e404|404 not found)\b.*(npm|registry|pypi)|npm (err!|error) (code )?e?404/i,
    'The package was not found in its registry: check its name and version.',
  ],
  [
    /enotfound|eai_again|getaddrinfo|network is unreachable|could not resolve host/i,
    'It could not reach the network: check the connection and the proxy variables (HTTPS_PROXY).',
  ],
  [
    /(missing|required|invalid|no|set).{0,40}(api[_ -]?key|token|credential)|unauthorized|authentication failed/i,
    'It seems to miss a key or token: set it under Environment.',
  ],
  [
    /eaddrinuse|address already in use/i,
    'It wants a port that is in use: with several connections each process needs its own, or set the connections to 1.',
  ],
  [
    /unsupported engine|requires node|syntaxerror: (unexpected token|the requested module)/i,
    'Its runtime seems too old: give the path of a newer node.',
  ],
  [/cannot connect to the docker daemon/i, 'Docker is not running: start it.'],
  [
    /heap out of memory|memoryerror|out of memory/i,
    'It ran out of memory: lower the connections, or set “Uses at most”.',
  ],
]

/** The first known complaint in what the server printed last. A hint, not a verdict: the lines themselves stand below it. */
export function stderrHint(lines: readonly string[]): string | undefined {
  const text = lines.join('\n')
  return hints.find(([pattern]) => pattern.test(text))?.[1]
}
