// Style of what is loaded on demand: built beside its script, under the same name.

/** Resolves once the style of the script at this address applies; without it the part is plain, not lost. */
export function styled(script: string): Promise<void> {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = script.replace(/\.js$/, '.css');
  return new Promise((done) => {
    link.onload = link.onerror = () => done();
    document.head.append(link);
  });
}
