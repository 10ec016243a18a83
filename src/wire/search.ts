/** `GET /images/search`: one result. */
export interface SearchEntry {
  readonly star_count: number;
  readonly is_official: boolean;
  readonly name: string;
  /** Docker Hub no longer tells. */
  readonly is_automated: boolean;
  readonly description: string;
}
