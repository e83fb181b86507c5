/** The files of a drop, folders walked, each with its path inside what was dropped. */

export interface NamedFile {
  name: string;
  file: File;
}

const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((done, failed) => entry.file(done, failed));

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    // readEntries gives at most 100 at a time, and none when it is through
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return found;
    found.push(...some);
  }
}

async function walk(entry: FileSystemEntry): Promise<NamedFile[]> {
  const name = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) return [{ name, file: await fileOf(entry as FileSystemFileEntry) }];
  const inside = await entriesOf(entry as FileSystemDirectoryEntry);
  const found: NamedFile[] = [];
  for (const each of inside) if (!each.name.startsWith(".")) found.push(...(await walk(each)));
  return found;
}

/** Must be called in the drop event itself: the entries are gone afterwards. */
export async function droppedFiles(transfer: DataTransfer): Promise<NamedFile[]> {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  const plain = [...transfer.files].map((file) => ({ name: file.name, file }));
  if (entries.length === 0) return plain;
  return (await Promise.all(entries.map(walk))).flat();
}

/** The files of an `<input type="file">`, also of a chosen folder. */
export function chosenFiles(input: HTMLInputElement): NamedFile[] {
  return [...(input.files ?? [])].map((file) => ({ name: file.webkitRelativePath || file.name, file }));
}
