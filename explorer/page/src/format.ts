// Numbers as a reader wants them, in HTML and in plain text.

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function raised(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]).join('');
  return (exponent < 0 ? '⁻' : '') + digits;
}

export function power(exponent: number): string {
  return exponent === 0 ? '1' : exponent === 1 ? '10' : `10${raised(exponent)}`;
}

// Three digits, with a power of ten where zeros would have to be counted.
export function format(value: number, digits = 3): string {
  if (Number.isNaN(value)) return '–';
  if (value === Infinity) return '∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e4) {
    const text = Number(value.toPrecision(digits)).toString();
    return text.replace('-', '−');
  }
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
  const factor = Number(mantissa).toString().replace('-', '−');
  return factor === '1' ? power(Number(exponent)) : `${factor} · ${power(Number(exponent))}`;
}

// The same with all of its digits, for columns of numbers.
export function aligned(value: number): string {
  const text = format(value);
  return /^[\d.]+$/.test(text) && value < 100 && value > 0 ? value.toPrecision(3) : text;
}

export function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
