/** Languages that are written from right to left, where a browser does not say so itself. */
const rightToLeft = /^(?:ar|arc|ckb|dv|fa|he|ks|ps|sd|ug|ur|yi)\b/i;

interface TextInfo {
  readonly direction: "ltr" | "rtl";
}

/** The direction in which somebody with this language reads. */
export function directionOf(language: string): "ltr" | "rtl" {
  try {
    const locale: Intl.Locale & { getTextInfo?: () => TextInfo; readonly textInfo?: TextInfo } = new Intl.Locale(
      language,
    );
    const info = locale.getTextInfo?.() ?? locale.textInfo;
    return info?.direction ?? (rightToLeft.test(language) ? "rtl" : "ltr");
  } catch {
    return "ltr";
  }
}
