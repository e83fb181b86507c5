/** The token that Django wants back as `X-CSRFToken`; from `<meta name="csrf-token">` in base.html. */
export function csrfToken(within: ParentNode = document): string {
  return within.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}
