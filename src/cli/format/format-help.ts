/** The summary of every list's `--format`. */
export const FORMAT_HELP =
  "Format output using a custom template: 'table' (default), 'table TEMPLATE', 'json', or a Go TEMPLATE for each row";

/** The summary of `--format` where one object is shown. */
export const OBJECT_FORMAT_HELP = "Format output using a custom template: 'json', or a Go TEMPLATE";
