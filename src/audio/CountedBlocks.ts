/** Blocks that pass through and are counted: what a route that decodes in JavaScript or by another program needs. */
export class CountedBlocks {
  #samples = 0;

  get samples(): number {
    return this.#samples;
  }

  async *of(blocks: AsyncIterable<Float32Array>): AsyncGenerator<Float32Array, void, undefined> {
    for await (const block of blocks) {
      this.#samples += block.length;
      yield block;
    }
  }
}
