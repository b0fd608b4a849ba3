/** Packages that the page loads from the service, by the addresses they have there. */
declare module '*/vendor/uplot/uPlot.esm.js' {
  export { default } from 'uplot';
}
