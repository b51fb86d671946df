/** A stack; its text is made when it is read. @internal */
export interface TracedPlace {
  readonly stack: string;
}
