/** Sentences about the figures of a report. */
import { percent } from '../formats/percentAndClock.ts';
import type { Report } from './report.ts';

/** `58.3 % of 36 recordings right (balanced 51.2 %), 49.0 % of 1,204 clips` */
export function describeReport(report: Report): string {
  const { side, recordings, clips } = report;
  const figures = `${side}: ${percent(recordings.accuracy)} of ${recordings.items} recordings right (balanced ${percent(recordings.balancedAccuracy)}), ${percent(clips.accuracy)} of ${clips.items} clips`;
  return [figures, ...describeAudio(report), ...describeTrainedOn(report)].join('. ');
}

/** A sentence where the original files were not there. */
export function describeAudio({ audio }: Pick<Report, 'audio'>): string[] {
  if (audio === null || audio.shards === 0) return [];
  const { originals, shards } = audio;
  const which = originals === 0 ? `All ${shards}` : `${shards} of ${shards + originals}`;
  return [
    `${which} recordings were read from the samples that the dataset keeps of them, not decoded from their original files.`,
  ];
}

export type TrainedOn = Pick<Report, 'leftOut' | 'leftOutSelection' | 'sameSplit'>;

/** Sentences for people about what may flatter the figures; none where nothing does. */
export function describeTrainedOn({
  leftOut,
  leftOutSelection,
  sameSplit,
  side,
}: TrainedOn & Pick<Report, 'side'>): string[] {
  const lines: string[] = [];
  if (leftOut === null) {
    lines.push(
      'The checkpoint does not say which recordings it was trained on, so whether it knows some of these could not be checked.',
    );
  } else if (leftOut > 0) {
    lines.push(`${these(leftOut)} trained on and ${leftOut === 1 ? 'is' : 'are'} left out.`);
  }
  if (leftOutSelection !== null && leftOutSelection > 0) {
    const verb = leftOutSelection === 1 ? 'is' : 'are';
    lines.push(`${these(leftOutSelection)} used to choose the model's epoch and temperature and ${verb} left out.`);
  }
  if (sameSplit === false && side === 'test' && leftOutSelection === null) {
    lines.push(
      'The model was trained with another assignment: recordings that chose its epoch and temperature may be among these.',
    );
  }
  return lines;
}

function these(count: number): string {
  return count === 1 ? '1 recording of this side was' : `${count} recordings of this side were`;
}
