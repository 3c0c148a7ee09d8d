/** Says something in one of the page's two live regions (index.html). */
export function tell(region: 'status' | 'alert', text: string): void {
  const element = document.getElementById(region);
  if (element) element.textContent = text;
}
