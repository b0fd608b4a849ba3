/** What helmet would send with every response of our services, and what pages may use; made once, because it never differs. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self';object-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'self'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(self), payment=(), usb=()',
  // Without HSTS: the proxy that ends TLS sends it; on a laptop it would lock the browser out.
};
