/** Whether a key belongs to a composition of an input method. WebKit ends it before the key arrives: hence the code. */
export const isComposing = (event: KeyboardEvent): boolean => event.isComposing || event.keyCode === 229;

/** Whether the text of an element is being typed into, so that letters are no shortcuts. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Whether ⌘ is the command key here. */
export const isApple: boolean = /Mac|iPhone|iPad/.test(navigator.platform);

/** Ctrl, or ⌘ on Apple's keyboards. */
export const isCommand = (event: KeyboardEvent): boolean => (isApple ? event.metaKey : event.ctrlKey);
