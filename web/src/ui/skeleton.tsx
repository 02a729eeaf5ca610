/** Where memos will be. */
export function Skeleton({ rows = 4 }: { rows?: number }) {
  return (
    <div class="skeletons" aria-hidden="true">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} class="card skeleton">
          <i />
          <i />
          <i />
        </div>
      ))}
    </div>
  );
}
