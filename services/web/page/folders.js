// Recordings in folders that are dropped.

const audio = /\.(wav|wave|mp3|flac|ogg|oga|opus|m4a|aac|aif|aiff|wma|w64)$/i;

/** What is dropped: files as they are, and of folders, however deep, those that look like recordings. @param {DataTransfer} dropped */
export async function filesOf(dropped) {
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  // What comes from a script, or from another page, has no place in a file system.
  if (entries.every(({ isFile }) => isFile)) return [...dropped.files];
  return (await Promise.all(entries.map((entry) => filesBelow(entry, true)))).flat();
}

/** Neither a recording by its name nor anything that a person put there. @param {string} name */
export const isHidden = (name) => name.startsWith('.') || !audio.test(name);

/** @param {FileSystemEntry} entry @param {boolean} isGiven named by the reader, not found in a folder @returns {Promise<File[]>} */
async function filesBelow(entry, isGiven) {
  if (entry.isFile) {
    if (!isGiven && isHidden(entry.name)) return [];
    const file = /** @type {FileSystemFileEntry} */ (entry);
    return [await new Promise((resolve, reject) => file.file(resolve, reject))];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    // A hundred at a time; none is the end.
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    for (const each of some) found.push(...(await filesBelow(each, false)));
  }
}
