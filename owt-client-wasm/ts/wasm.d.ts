/** The build puts a WebAssembly module, in hexadecimal, where it is imported. */
declare module '*.wasm' {
  const hexadecimal: string;
  export default hexadecimal;
}
