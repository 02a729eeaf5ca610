import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { PageProps } from "../routes";
import { Problem } from "./problem";
import { Skeleton } from "./skeleton";
import { useSlow } from "./use";

type Loaded = { default: ComponentType<PageProps> };

/** A page whose code is fetched when it is first opened, or ahead of that by `fetch`. */
export function lazy(load: () => Promise<Loaded>): ComponentType<PageProps> & { fetch: () => Promise<void> } {
  let loaded: ComponentType<PageProps> | null = null;
  const fetch = async (): Promise<void> => {
    loaded ??= (await load()).default;
  };
  function Lazy(props: PageProps) {
    const [Page, setPage] = useState<ComponentType<PageProps> | null>(() => loaded);
    const [error, setError] = useState<unknown>(null);
    const slow = useSlow(!Page && !error);
    useEffect(() => {
      if (Page) return;
      fetch().then(() => setPage(() => loaded), setError);
    }, []);
    if (Page) return <Page {...props} />;
    if (error) return <Problem kind="code" onRetry={() => location.reload()} />;
    return slow ? <Skeleton rows={3} /> : null;
  }
  return Object.assign(Lazy, { fetch });
}
