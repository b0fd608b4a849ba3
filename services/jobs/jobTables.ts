import type { Tables } from '../database/tables.ts';

export const jobTables: Tables = {
  name: 'jobs',
  title: 'list of jobs',
  setting: 'service.jobs.dir',
  counted: 'jobs',
  steps: [
    {
      up: `
  CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    started_ms INTEGER,
    finished_ms INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    lease_until_ms INTEGER,
    request TEXT NOT NULL,
    done_s REAL NOT NULL DEFAULT 0,
    total_s REAL NOT NULL DEFAULT 0,
    recordings_done INTEGER NOT NULL DEFAULT 0,
    error TEXT
  );
  CREATE INDEX jobs_status ON jobs (status, created_ms);
  `,
      down: null,
    },
    // Who sent a job, so that one client does not fill the queue; forgotten when the job is over.
    { up: "ALTER TABLE jobs ADD COLUMN client TEXT NOT NULL DEFAULT ''", down: 'ALTER TABLE jobs DROP COLUMN client' },
  ],
};

/** The list of jobs in their folder. */
export const jobsFile = 'jobs.db';
